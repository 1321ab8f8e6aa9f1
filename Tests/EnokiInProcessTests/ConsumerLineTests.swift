import EnokiBroker
import Testing

@testable import EnokiInProcess

struct ConsumerLineTests {
    @Test(arguments: 0..<50 as Range<UInt64>)
    func itIsAListWhateverIsDoneToIt(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let consumers = (1...20).map { ConsumerRecord.example($0) }
        var line = ConsumerLine()
        var list: [ConsumerRecord] = []
        for _ in 0..<500 {
            let consumer = consumers[generator.index(below: consumers.count)]
            switch generator.index(below: 7) {
            case 0...2:
                guard !list.contains(where: { $0 === consumer }) else { continue }
                line.append(consumer)
                list.append(consumer)
            case 3:
                line.rotate()
                if !list.isEmpty { list.append(list.removeFirst()) }
            case 4: #expect(line.popFirst() === (list.isEmpty ? nil : list.removeFirst()))
            case 5:
                let index = list.firstIndex { $0 === consumer }
                #expect(line.remove(consumer) == (index != nil))
                if let index { list.remove(at: index) }
            default:
                let modulus = UInt64(2 + generator.index(below: 20))
                let removed = line.removeAll { $0.id.number.isMultiple(of: modulus) }
                #expect(removed.map(\.id) == list.filter { $0.id.number.isMultiple(of: modulus) }.map(\.id))
                list.removeAll { $0.id.number.isMultiple(of: modulus) }
            }
            #expect(line.count == list.count)
            #expect(line.isEmpty == list.isEmpty)
            #expect(line.first === list.first)
        }
        #expect(line.removeAll { _ in true }.map(\.id) == list.map(\.id))
    }
}
