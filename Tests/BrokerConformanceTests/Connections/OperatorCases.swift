import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct OperatorCases {
    @Test func closedConnectionIsToldTheReason() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            try await session.peer.closeConnections(because: "maintenance")
            #expect(try await client.next() == "0 connection.close 320 'CONNECTION_FORCED - maintenance' 0 0")
            client.send(.confirmSelect(on: 1))
            #expect(try await client.acceptClose() == RawConnection.end)
        }
    }
}
