// librabbitmq's blocking calls, as its examples use them: any failure ends the program.
#pragma once

#include <stddef.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

// Ends the program with `what` and the reason where `status` is an error.
void check(int status, const char *what);
// The same for the last synchronous call on `connection`.
void check_reply(amqp_rpc_reply_t reply, const char *what);

// A connection with channel 1 open.
amqp_connection_state_t connect_to(const char *uri);
void disconnect(amqp_connection_state_t connection);

// A durable topic exchange, and a durable, empty queue bound to it by `key`.
void declare(amqp_connection_state_t connection, const char *exchange, const char *queue, const char *key);
void delete_queue(amqp_connection_state_t connection, const char *queue);

// Consumes `queue` with prefetch 100; without acknowledgements where `no_ack` is 1.
void consume(amqp_connection_state_t connection, const char *queue, int no_ack);
// The next delivery; destroy it by amqp_destroy_envelope.
amqp_envelope_t next_delivery(amqp_connection_state_t connection);
