# The commands of the project. Each installs what it needs and is missing on the machine.
#
#     make run        make test FILTER=Conformance        make test-tsan        make lint

FILTER ?=
GOALS ?=
SEED ?=
SIZE ?= --long
filter := $(if $(FILTER),--filter '$(FILTER)')
# All at once, hundreds of connections would wait for each other's logins, on two cores for longer than deadlines allow.
testing := swift test --disable-xctest --skip-build --experimental-maximum-parallelization-width 12
# They kill brokers of their own and measure: nothing runs beside them.
chaos := ChaosGoals
transports := EnokiRabbitMQTests|EnokiInProcessTests|EnokiAMQPTests|BrokerConformanceTests
# Hundreds of cases that take the same few ways, and tests of sheer size: ten minutes under the sanitizer, and no new thread.
repetitive := Cases/|RandomConformanceTests|ManyQueuesTests|HostileSizesTests|DeadLetterChainTests|MutatedSessionTests
# And those whose heartbeats of a second, or whose Python, cannot wait for the sanitizer.
impatient := Hostile(Peer|Login|Frame)Tests|RandomWireTests|PythonClientTests|HostileSocketTests|WireFaultTests|aClosedConsumersChannelIsUsedAgain
impatient := $(impatient)|moreMessagesThanMayWaitFailAtOnce|nothingConfirmedIsLostAndNothingUnacknowledgedThroughManyCuts

.PHONY: help run polyglot build test chaos test-tsan fuzz lint format bench bench-port bench-scaling docs clean
.DEFAULT_GOAL := help

help: ## Say what there is.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  make %-13s", $$2; $$1 = $$2 = ""; print }'

run: ## Build and run the sample on the embedded broker.
	@Scripts/install build
	swift run shop demo

polyglot: ## Test the sample in two languages: a Swift service from Python.
	@Scripts/install polyglot
	swift build --product polyglot
	PYTHONWARNINGS=ignore .venv-polyglot/bin/nameko test -p no:cacheprovider Samples/Polyglot/tests

build: ## Build everything.
	@Scripts/install build
	swift build --build-tests

test: ## Run the tests next to a private RabbitMQ; FILTER=... names some of them.
	@Scripts/install test
	swift build --build-tests
	Scripts/with-rabbitmq Scripts/with-summary $(testing) $(filter) $(if $(FILTER),,--skip $(chaos))
	$(if $(FILTER),,Scripts/with-summary $(testing) --filter $(chaos))

chaos: ## Hurt services and their broker for an hour; GOALS="cuts" SEED=7 choose, SIZE= is the short size.
	@Scripts/install test
	swift build --configuration release --product chaos
	.build/release/chaos run $(GOALS) $(SIZE) $(if $(SEED),--seed $(SEED))

test-tsan: ## Run the tests of the transports under the thread sanitizer.
	@Scripts/install test
	swift build --build-tests --sanitize=thread --scratch-path .build-tsan
	TSAN_OPTIONS="suppressions=$(CURDIR)/Scripts/tsan-suppressions.txt" Scripts/with-rabbitmq Scripts/with-summary \
		$(subst width 12,width 4,$(testing)) --sanitize=thread --scratch-path .build-tsan --filter '$(or $(FILTER),$(transports))' --skip '$(repetitive)|$(impatient)'

fuzz: ## Fuzz what reads octets from outside; TIME=seconds for each, TARGET=... names some of them.
	@Scripts/install build
	Scripts/fuzz $(or $(TIME),300) $(TARGET)

lint: ## Check format and architecture.
	Scripts/check

format: ## Format the Swift sources.
	swift format --in-place --parallel --recursive Sources Tests Samples Benchmarks Fuzz Package.swift

bench: ## Measure Enoki and plain librabbitmq on one broker.
	@Scripts/install test
	Benchmarks/run

bench-port: ## Measure the AMQP port next to RabbitMQ.
	@Scripts/install test
	Benchmarks/port

bench-scaling: ## Measure how the in-process broker grows, and what a test costs.
	@Scripts/install build
	Benchmarks/scaling

docs: ## Build the documentation of the libraries into .build-docs/site.
	@Scripts/install build
	Scripts/docs

clean: ## Remove what was built and the virtual environment.
	rm -rf .build .build-* .venv .venv-* Benchmarks/.build
