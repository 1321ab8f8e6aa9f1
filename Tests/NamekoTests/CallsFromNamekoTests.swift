import EnokiTestSupport
import EnokiTesting
import Testing

/// nameko's standalone client calls Swift methods.
@Suite(.serialized) struct CallsFromNamekoTests {
    @Test(arguments: Nameko.allCases) func argumentsArriveByPositionAndByName(_ nameko: Nameko) async throws {
        try await withNamekoClient(nameko, Catalogue()) { _, client in
            try await client.expect([
                "services.catalogue.add(2, 3)": "5",
                "services.catalogue.add(a=2, b=3)": "5",
                "services.catalogue.add(2, b=3)": "5",
                "services.catalogue.greet('Ada')": "'Ada'",
                "services.catalogue.greet('Ada', None)": "'Ada'",
                "services.catalogue.greet('Ada', title=None)": "'Ada'",
                "services.catalogue.greet(title='Lady', name='Ada')": "'Lady Ada'",
                "services.catalogue.greet('Zoë 蘑菇 🍄 \\x00 \\u2028')": "'Zoë 蘑菇 🍄 \\x00 \\u2028'",
                "services.catalogue.nothing()": "None",
                "services.catalogue.add.call_async(1, 1).result()": "2",
                "[c.result() for c in [services.catalogue.add.call_async(n, n) for n in range(5)]]": "[0, 2, 4, 6, 8]",
            ])
        }
    }

    @Test(arguments: Nameko.allCases) func pythonValuesArriveAsSwiftOnes(_ nameko: Nameko) async throws {
        try await withNamekoClient(nameko, Catalogue()) { _, client in
            let uuid = "3d2a6f2e-8d5c-4b8e-9d39-0f6f5a1c7e42"
            try await client.expect([
                "services.catalogue.count(2**64 - 1)": "'18446744073709551615'",
                "services.catalogue.add(2**62, 2**61)": "6917529027641081856",
                "services.catalogue.price(10**30 + 1)": "'1000000000000000000000000000001'",
                "services.catalogue.measure(10**30)": "'1e+30'",
                "services.catalogue.measure(0.1)": "'0.1'",
                "services.catalogue.measure(5e-324)": "'5e-324'",
                "services.catalogue.measure(float('inf'))": "'inf'",
                "services.catalogue.measure(float('nan'))": "'nan'",
                "services.catalogue.price(Decimal('12345678901234567890.123456789'))":
                    "'12345678901234567890.123456789'",
                "services.catalogue.price(value=Decimal('-1E+2'))": "'-100'",
                "services.catalogue.price(0.1)": "'0.1'",
                "services.catalogue.seconds(datetime.datetime(2020, 1, 2, 3, 4, 5))": "'1577934245.000000'",
                "services.catalogue.seconds(datetime.datetime(2020, 1, 2, 3, 4, 5, 123456))": "'1577934245.123456'",
                "services.catalogue.seconds(datetime.datetime(2020, 1, 2, 3, 4, 5, 7, datetime.timezone.utc))":
                    "'1577934245.000007'",
                """
                services.catalogue.seconds(datetime.datetime(2020, 1, 2, 3, 4, 5, \
                tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))))
                """: "'1577946845.000000'",
                "services.catalogue.seconds(datetime.date(2020, 1, 2))": "'1577923200.000000'",
                "services.catalogue.identify(UUID('\(uuid)'))": "'\(uuid)'",
                "services.catalogue.identify('\(uuid)')": "'\(uuid)'",
                "services.catalogue.bytes(b'abcd')": "[97, 98, 99, 100]",
                "services.catalogue.bytes(b'\\xff\\x00')": "[255, 0]",
                // Several in one request, one of them beyond 64 bits.
                "services.catalogue.quote('tea', Decimal('0.12345678901234567890123'))":
                    "'tea 0.12345678901234567890123 -'",
                "services.catalogue.quote('tea', price=Decimal('0.12345678901234567890123'))":
                    "'tea 0.12345678901234567890123 -'",
                "services.catalogue.quote('tea', 10**30 + 1, datetime.date(2020, 1, 2))":
                    "'tea 1000000000000000000000000000001 2020-01-02 00:00:00 +0000'",
            ])
        }
    }

    @Test(arguments: Nameko.allCases) func resultsArriveAsPythonValues(_ nameko: Nameko) async throws {
        try await withNamekoClient(nameko, Catalogue()) { _, client in
            try await client.expect([
                "services.catalogue.opened()":
                    "datetime.datetime(2020, 1, 2, 3, 4, 5, 250000, tzinfo=datetime.timezone.utc)",
                "services.catalogue.same_moment(datetime.datetime(2020, 1, 2, 3, 4, 5, 123456, datetime.timezone.utc))":
                    "datetime.datetime(2020, 1, 2, 3, 4, 5, 123456, tzinfo=datetime.timezone.utc)",
                "services.catalogue.same_bytes(b'\\xff\\x00')": "b'\\xff\\x00'",
                "services.catalogue.echo([1, -2.5, True, None, 'é', {'a': {}, 'b': []}]) == [1, -2.5, True, None, 'é', {'a': {}, 'b': []}]":
                    "True",
                // JSON has one kind of number: a whole `Double` is an `int` to Python.
                "services.catalogue.echo(1.0)": "1",
                "services.catalogue.echo(2**63 - 1)": "9223372036854775807",
                """
                services.catalogue.order([{'sku': 'tea', 'price': Decimal('2.5'), 'count': 2, 'ready': None, 'more': 1}], None) \
                == {'lines': [{'sku': 'tea', 'price': 2.5, 'count': 2}], 'total': 5, \
                'placed': datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)}
                """: "True",
            ])
        }
    }

    @Test(arguments: Nameko.allCases) func aCallerWithoutTimeoutIsServed(_ nameko: Nameko) async throws {
        try await withNamekoClient(nameko, Catalogue()) { _, client in
            try await client.expect(["services.catalogue.has_deadline()": "False"], timeout: nil)
        }
    }
}
