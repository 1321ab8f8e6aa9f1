import CRabbitMQ
import EnokiBroker

/// A message whose header table nests deeper than ``WireLimits/depth``, or holds a kind of value that is not known.
struct HeaderDecodingFailure: Error {
    var reason: String
}

extension Headers {
    /// Copies a table out of librabbitmq's memory.
    init(decoding table: amqp_table_t, depth: Int = 0) throws(HeaderDecodingFailure) {
        guard depth < WireLimits.depth else { throw .tooDeep }
        self.init()
        for entry in UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)) {
            // A name that is not UTF-8 is repaired: it has to be a string, and nobody can have asked for it.
            self.append(String(decoding: entry.key.buffer, as: UTF8.self), try FieldValue(entry.value, depth: depth))
        }
    }
}

extension FieldValue {
    fileprivate init(_ field: amqp_field_value_t, depth: Int) throws(HeaderDecodingFailure) {
        switch amqp_field_value_kind_t(UInt32(field.kind)) {
        case AMQP_FIELD_KIND_BOOLEAN: self = .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_I8: self = .int8(field.value.i8)
        case AMQP_FIELD_KIND_U8: self = .uint8(field.value.u8)
        case AMQP_FIELD_KIND_I16: self = .int16(field.value.i16)
        case AMQP_FIELD_KIND_U16: self = .uint16(field.value.u16)
        case AMQP_FIELD_KIND_I32: self = .int32(field.value.i32)
        case AMQP_FIELD_KIND_U32: self = .uint32(field.value.u32)
        case AMQP_FIELD_KIND_I64: self = .int64(field.value.i64)
        case AMQP_FIELD_KIND_U64: self = .uint64(field.value.u64)
        case AMQP_FIELD_KIND_F32: self = .float(field.value.f32)
        case AMQP_FIELD_KIND_F64: self = .double(field.value.f64)
        case AMQP_FIELD_KIND_DECIMAL:
            self = .decimal(scale: field.value.decimal.decimals, value: field.value.decimal.value)
        case AMQP_FIELD_KIND_UTF8:
            let bytes = field.value.bytes.buffer
            self = String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(Array(bytes))
        case AMQP_FIELD_KIND_BYTES: self = .bytes(Array(field.value.bytes.buffer))
        case AMQP_FIELD_KIND_TIMESTAMP: self = .timestamp(field.value.u64)
        case AMQP_FIELD_KIND_VOID: self = .void
        case AMQP_FIELD_KIND_TABLE: self = .table(try Headers(decoding: field.value.table, depth: depth + 1))
        case AMQP_FIELD_KIND_ARRAY:
            guard depth + 1 < WireLimits.depth else { throw .tooDeep }
            var values: [FieldValue] = []
            let entries = field.value.array
            values.reserveCapacity(Int(entries.num_entries))
            for entry in UnsafeBufferPointer(start: entries.entries, count: Int(entries.num_entries)) {
                values.append(try FieldValue(entry, depth: depth + 1))
            }
            self = .array(values)
        default: throw HeaderDecodingFailure(reason: "a header is of the unknown kind \(field.kind)")
        }
    }
}

extension HeaderDecodingFailure {
    fileprivate static var tooDeep: Self {
        Self(reason: "its headers nest deeper than \(WireLimits.depth) levels")
    }
}

extension amqp_bytes_t {
    /// The bytes, valid only as long as librabbitmq keeps them.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.bytes, count: self.len) }

    /// A copy as a string; bytes that are not UTF-8 are replaced by U+FFFD.
    var string: String { String(decoding: self.buffer, as: UTF8.self) }
}
