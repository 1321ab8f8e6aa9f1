/// A generator of random numbers that gives the same ones for the same seed, on every machine and in every process.
///
/// It is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). It is for choices that
/// must be repeatable, never for secrets.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The generator of `seed`; any number is as good as another.
    package init(seed: UInt64) { self.state = seed }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to `count`, which is more than zero.
    ///
    /// By one multiplication, so that what a seed means does not hang on the standard library's way to do it.
    package mutating func index(below count: Int) -> Int {
        Int(self.next().multipliedFullWidth(by: UInt64(count)).high)
    }
}
