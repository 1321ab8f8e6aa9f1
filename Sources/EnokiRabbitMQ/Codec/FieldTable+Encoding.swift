import CRabbitMQ
import EnokiBroker

// Header tables and arguments as librabbitmq encodes them. What is encoded here has passed `WireLimits`: names are short
// enough and tables nest no deeper than it allows.
extension EncodingArena {
    func table(_ headers: Headers) -> amqp_table_t {
        let entries = self.array(of: amqp_table_entry_t.self, count: headers.count)
        for (index, element) in headers.enumerated() {
            entries[index] = amqp_table_entry_t(key: self.bytes(element.name), value: self.field(element.value))
        }
        return amqp_table_t(num_entries: Int32(headers.count), entries: entries)
    }

    private func array(_ values: [FieldValue]) -> amqp_array_t {
        let entries = self.array(of: amqp_field_value_t.self, count: values.count)
        for (index, value) in values.enumerated() { entries[index] = self.field(value) }
        return amqp_array_t(num_entries: Int32(values.count), entries: entries)
    }

    private func field(_ value: FieldValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        func set(_ kind: amqp_field_value_kind_t) { field.kind = UInt8(truncatingIfNeeded: kind.rawValue) }
        switch value {
        case .bool(let value):
            set(AMQP_FIELD_KIND_BOOLEAN)
            field.value.boolean = value ? 1 : 0
        case .int8(let value):
            set(AMQP_FIELD_KIND_I8)
            field.value.i8 = value
        case .uint8(let value):
            set(AMQP_FIELD_KIND_U8)
            field.value.u8 = value
        case .int16(let value):
            set(AMQP_FIELD_KIND_I16)
            field.value.i16 = value
        case .uint16(let value):
            set(AMQP_FIELD_KIND_U16)
            field.value.u16 = value
        case .int32(let value):
            set(AMQP_FIELD_KIND_I32)
            field.value.i32 = value
        case .uint32(let value):
            set(AMQP_FIELD_KIND_U32)
            field.value.u32 = value
        case .int64(let value):
            set(AMQP_FIELD_KIND_I64)
            field.value.i64 = value
        case .uint64(let value):
            set(AMQP_FIELD_KIND_U64)
            field.value.u64 = value
        case .float(let value):
            set(AMQP_FIELD_KIND_F32)
            field.value.f32 = value
        case .double(let value):
            set(AMQP_FIELD_KIND_F64)
            field.value.f64 = value
        case .decimal(let scale, let value):
            set(AMQP_FIELD_KIND_DECIMAL)
            field.value.decimal = amqp_decimal_t(decimals: scale, value: value)
        case .string(let value):
            set(AMQP_FIELD_KIND_UTF8)
            field.value.bytes = self.bytes(value)
        case .bytes(let value):
            set(AMQP_FIELD_KIND_BYTES)
            field.value.bytes = value.withUnsafeBytes { self.bytes($0) }
        case .array(let value):
            set(AMQP_FIELD_KIND_ARRAY)
            field.value.array = self.array(value)
        case .timestamp(let value):
            set(AMQP_FIELD_KIND_TIMESTAMP)
            field.value.u64 = value
        case .table(let value):
            set(AMQP_FIELD_KIND_TABLE)
            field.value.table = self.table(value)
        case .void:
            set(AMQP_FIELD_KIND_VOID)
        }
        return field
    }
}
