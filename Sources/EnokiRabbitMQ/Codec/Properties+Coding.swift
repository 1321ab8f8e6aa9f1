import CRabbitMQ
import EnokiBroker

extension EncodingArena {
    /// The basic properties as librabbitmq encodes them: only those that are set.
    func properties(_ properties: BasicProperties) -> amqp_basic_properties_t {
        var encoded = amqp_basic_properties_t()
        var flags: Int32 = 0
        func set(_ flag: Int32) { flags |= flag }
        if let value = properties.contentType {
            set(AMQP_BASIC_CONTENT_TYPE_FLAG)
            encoded.content_type = self.bytes(value)
        }
        if let value = properties.contentEncoding {
            set(AMQP_BASIC_CONTENT_ENCODING_FLAG)
            encoded.content_encoding = self.bytes(value)
        }
        if !properties.headers.isEmpty {
            set(AMQP_BASIC_HEADERS_FLAG)
            encoded.headers = self.table(properties.headers)
        }
        if let value = properties.deliveryModeOctet {
            set(AMQP_BASIC_DELIVERY_MODE_FLAG)
            encoded.delivery_mode = value
        }
        if let value = properties.priority {
            set(AMQP_BASIC_PRIORITY_FLAG)
            encoded.priority = value
        }
        if let value = properties.correlationID {
            set(AMQP_BASIC_CORRELATION_ID_FLAG)
            encoded.correlation_id = self.bytes(value)
        }
        if let value = properties.replyTo {
            set(AMQP_BASIC_REPLY_TO_FLAG)
            encoded.reply_to = self.bytes(value)
        }
        if let value = properties.expirationText {
            set(AMQP_BASIC_EXPIRATION_FLAG)
            encoded.expiration = self.bytes(value)
        }
        if let value = properties.messageID {
            set(AMQP_BASIC_MESSAGE_ID_FLAG)
            encoded.message_id = self.bytes(value)
        }
        if let value = properties.timestamp {
            set(AMQP_BASIC_TIMESTAMP_FLAG)
            encoded.timestamp = value
        }
        if let value = properties.type {
            set(AMQP_BASIC_TYPE_FLAG)
            encoded.type = self.bytes(value)
        }
        if let value = properties.userID {
            set(AMQP_BASIC_USER_ID_FLAG)
            encoded.user_id = self.bytes(value)
        }
        if let value = properties.appID {
            set(AMQP_BASIC_APP_ID_FLAG)
            encoded.app_id = self.bytes(value)
        }
        if let value = properties.clusterID {
            set(AMQP_BASIC_CLUSTER_ID_FLAG)
            encoded.cluster_id = self.bytes(value)
        }
        encoded._flags = amqp_flags_t(flags)
        return encoded
    }
}

extension BasicProperties {
    /// Copies properties out of librabbitmq's memory. Fields without their flag are uninitialised there.
    init(decoding properties: amqp_basic_properties_t) throws(HeaderDecodingFailure) {
        self.init()
        func has(_ flag: Int32) -> Bool { properties._flags & amqp_flags_t(flag) != 0 }
        if has(AMQP_BASIC_CONTENT_TYPE_FLAG) { self.contentType = properties.content_type.string }
        if has(AMQP_BASIC_CONTENT_ENCODING_FLAG) { self.contentEncoding = properties.content_encoding.string }
        if has(AMQP_BASIC_HEADERS_FLAG) { self.headers = try Headers(decoding: properties.headers) }
        if has(AMQP_BASIC_DELIVERY_MODE_FLAG) { self.deliveryModeOctet = properties.delivery_mode }
        if has(AMQP_BASIC_PRIORITY_FLAG) { self.priority = properties.priority }
        if has(AMQP_BASIC_CORRELATION_ID_FLAG) { self.correlationID = properties.correlation_id.string }
        if has(AMQP_BASIC_REPLY_TO_FLAG) { self.replyTo = properties.reply_to.string }
        if has(AMQP_BASIC_EXPIRATION_FLAG) { self.expirationText = properties.expiration.string }
        if has(AMQP_BASIC_MESSAGE_ID_FLAG) { self.messageID = properties.message_id.string }
        if has(AMQP_BASIC_TIMESTAMP_FLAG) { self.timestamp = properties.timestamp }
        if has(AMQP_BASIC_TYPE_FLAG) { self.type = properties.type.string }
        if has(AMQP_BASIC_USER_ID_FLAG) { self.userID = properties.user_id.string }
        if has(AMQP_BASIC_APP_ID_FLAG) { self.appID = properties.app_id.string }
        if has(AMQP_BASIC_CLUSTER_ID_FLAG) { self.clusterID = properties.cluster_id.string }
    }

    /// The same but for the headers, which cannot be read.
    init(withoutHeaders properties: amqp_basic_properties_t) {
        var properties = properties
        properties._flags &= ~amqp_flags_t(AMQP_BASIC_HEADERS_FLAG)
        // Nothing else of them can fail.
        self = (try? BasicProperties(decoding: properties)) ?? BasicProperties()
    }
}
