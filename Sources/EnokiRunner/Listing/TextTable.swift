/// Rows of text in columns that are as wide as their widest cell.
struct TextTable {
    let header: [String]
    var rows: [[String]] = []

    /// A table with the given heads of columns.
    init(_ header: String...) { self.header = header }

    /// The lines, without blanks at their ends.
    var lines: [String] {
        let all = [self.header] + self.rows
        let widths = self.header.indices.map { column in
            all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return all.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: max(width - cell.count, 0))
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
