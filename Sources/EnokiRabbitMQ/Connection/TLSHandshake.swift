import CRabbitMQ
import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The TLS side of connecting: prepares OpenSSL so that it verifies during the handshake, and gets hold of its connection.
final class TLSHandshake {
    private let context: OpaquePointer
    private let handshake: UnsafeMutablePointer<enoki_tls_handshake>
    private let serverName: UnsafeMutablePointer<CChar>?
    private let host: String

    /// Gives `state` a TLS socket; nothing where `options` is `nil`.
    ///
    /// - Throws: ``BrokerError/Code/tlsFailed`` when a file cannot be used.
    static func prepare(
        _ state: amqp_connection_state_t,
        _ options: TLSOptions?,
        host: String
    ) throws(BrokerError) -> TLSHandshake? {
        guard let options else { return nil }
        guard let socket = amqp_ssl_socket_new(state), let context = amqp_ssl_socket_get_context(socket) else {
            throw BrokerError(.tlsFailed, "OpenSSL cannot be set up: \(TLSErrors.last ?? "out of memory")")
        }
        // Ours is done by OpenSSL during the handshake; librabbitmq's own comes too late and fails for addresses.
        amqp_ssl_socket_set_verify_peer(socket, 0)
        amqp_ssl_socket_set_verify_hostname(socket, 0)
        let preparation = TLSHandshake(OpaquePointer(context), host: host)
        try preparation.configure(socket, options)
        return preparation
    }

    private init(_ context: OpaquePointer, host: String) {
        self.context = context
        self.host = host
        self.handshake = .allocate(capacity: 1)
        // SNI holds names only, RFC 6066 §3.
        self.serverName = NumericAddress(host) != nil ? nil : strdup(host)
        self.handshake.initialize(to: enoki_tls_handshake(server_name: self.serverName, ssl: nil, verify_result: 0))
    }

    deinit {
        self.handshake.deallocate()
        free(self.serverName)
    }

    private func configure(_ socket: OpaquePointer, _ options: TLSOptions) throws(BrokerError) {
        ERR_clear_error()
        let verifies = options.verification == .full
        let isAddress = self.serverName == nil
        guard enoki_tls_configure(self.context, self.handshake, self.host, isAddress ? 1 : 0, verifies ? 1 : 0) == 1
        else { throw self.unusable("the host name '\(self.host)'") }
        if let file = options.authorities {
            guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
                throw self.unusable("the file of authorities '\(file)' (cacertfile)")
            }
        } else if SSL_CTX_set_default_verify_paths(self.context) != 1 {
            throw self.unusable("the system's authorities")
        }
        if let certificate = options.certificate, let key = options.key {
            // With no callback OpenSSL would ask for the passphrase of an encrypted key on the terminal.
            SSL_CTX_set_default_passwd_cb(self.context) { _, _, _, _ in -1 }
            guard SSL_CTX_use_certificate_chain_file(self.context, certificate) == 1 else {
                throw self.unusable("the client certificate '\(certificate)' (certfile)")
            }
            guard SSL_CTX_use_PrivateKey_file(self.context, key, SSL_FILETYPE_PEM) == 1 else {
                throw self.unusable("the private key '\(key)' (keyfile), which must be unencrypted PEM")
            }
            guard SSL_CTX_check_private_key(self.context) == 1 else {
                throw self.unusable("the pair of '\(certificate)' and '\(key)', which do not belong together")
            }
        }
    }

    /// What went wrong with TLS when connecting ended with `status`; `nil` when it was not TLS.
    func failure(status: Int32) -> String? {
        let result = Int(self.handshake.pointee.verify_result)
        let error = TLSErrors.last
        enoki_tls_stop_observing(self.context)
        guard status == AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue else { return nil }
        if let reason = TLSErrors.verificationFailure(result) {
            return "the certificate of '\(self.host)' is not accepted: \(reason)"
        }
        return "the TLS handshake failed: \(error ?? "the broker closed the connection (does this port speak TLS?)")"
    }

    /// The `SSL` of the connection that was made.
    func finish() -> OpaquePointer? {
        enoki_tls_stop_observing(self.context)
        return self.handshake.pointee.ssl
    }

    private func unusable(_ what: String) -> BrokerError {
        BrokerError(.tlsFailed, "TLS: \(what) cannot be used: \(TLSErrors.last ?? "unknown error")")
    }
}
