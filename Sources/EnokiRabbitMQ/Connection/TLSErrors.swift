import CRabbitMQ

/// OpenSSL's errors in words.
enum TLSErrors {
    /// The newest error of this thread, and forgets all of them.
    static var last: String? {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return nil }
        return String(cString: text)
    }

    /// Why a certificate was refused; `nil` when it was not.
    static func verificationFailure(_ result: Int) -> String? {
        guard result != Int(X509_V_OK), let text = X509_verify_cert_error_string(result) else { return nil }
        return String(cString: text)
    }
}
