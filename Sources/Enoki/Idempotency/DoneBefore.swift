/// What a call has for its result that was not made, since its message is done: a success that says nothing of the handler.
struct DoneBefore: Sendable {}
