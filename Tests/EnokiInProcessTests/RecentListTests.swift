import Testing

@testable import EnokiInProcess

@Suite struct RecentListTests {
    @Test func theLatestThousandStay() {
        var list = RecentList<Int>()
        for number in 1...1500 { list.append(number, byteCount: 1) }
        #expect(Array(list.elements) == Array(501...1500))
    }

    @Test func largeElementsLeaveRoomForFewer() {
        var list = RecentList<Int>()
        for number in 1...10 { list.append(number, byteCount: 4 * 1024 * 1024) }
        #expect(Array(list.elements) == [7, 8, 9, 10])
        list.append(11, byteCount: .max / 2)
        #expect(Array(list.elements) == [11])
        list.append(12, byteCount: 1)
        #expect(Array(list.elements) == [12])
    }
}
