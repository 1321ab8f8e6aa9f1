# Makes the table of what `port` has measured: ROW BROKER RATE CLIENT-CPU P50 P99 SERVER-CPU.

function median(key, column,    sorted, count, i, j, value) {
    count = runs[key]
    for (i = 1; i <= count; i++) {
        value = data[key, column, i]
        for (j = i - 1; j >= 1 && sorted[j] > value; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
    return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}

function latency(key) { return data[key, 5, 1] == "-" ? "" : sprintf("%d / %d", median(key, 5), median(key, 6)) }

function line(title, row,    port, rabbitmq) {
    port = row " port"
    rabbitmq = row " rabbitmq"
    printf format, title, sprintf("%.1f", median(port, 3) / 1000), sprintf("%.1f", median(rabbitmq, 3) / 1000),
        sprintf("%.2f", median(port, 3) / median(rabbitmq, 3)), sprintf("%.1f", median(port, 7)),
        sprintf("%.1f", median(rabbitmq, 7)), latency(port), latency(rabbitmq)
}

{
    key = $1 " " $2
    run = ++runs[key]
    for (column = 3; column <= 7; column++) data[key, column, run] = $column
}

END {
    format = "| %-38s | %8s | %8s | %5s | %14s | %14s | %13s | %13s |\n"
    printf format, "", "port", "RabbitMQ", "rate", "port", "RabbitMQ", "port", "RabbitMQ"
    printf format, "medians", "k/s", "k/s", "ratio", "CPU us/message", "CPU us/message", "p50 / p99 us", "p50 / p99 us"
    printf format, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:"
    line("publish, persistent, 256 unconfirmed", "publish")
    line("drain a queue, prefetch 100, ack each", "drain")
    line("RPC, one call at a time", "rpc-1")
    line("RPC, 64 calls at once", "rpc-64")
    # Over ten seconds; the rate says nothing.
    printf "\n1000 idle connections: CPU of the broker in ms per second: port %.1f, RabbitMQ %.1f\n",
        median("idle port", 7) / 10, median("idle rabbitmq", 7) / 10
}
