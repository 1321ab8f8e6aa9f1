# Makes the table of what `run` has measured.

function median(key, column,    sorted, count, i, j, value) {
    count = runs[key]
    for (i = 1; i <= count; i++) {
        value = data[key, column, i]
        for (j = i - 1; j >= 1 && sorted[j] > value; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
    lowest = sorted[1]
    highest = sorted[count]
    return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}

function rate(key) { return sprintf("%.1f", median(key, "rate") / 1000) }

function cpu(key,    middle) {
    middle = median(key, "cpu")
    return sprintf("%.1f (%.1f-%.1f)", middle, lowest, highest)
}

function latency(key) { return data[key, "p50", 1] == "-" ? "" : sprintf("%d / %d", median(key, "p50"), median(key, "p99")) }

function line(title, first, second) {
    printf format, title, rate(first), second ? rate(second) : "", cpu(first), second ? cpu(second) : "",
        second ? sprintf("%.1f", median(first, "cpu") / median(second, "cpu")) : "",
        latency(first), second ? latency(second) : ""
}

{
    key = $1 " " $2
    run = ++runs[key]
    data[key, "rate", run] = $3 + 0
    data[key, "cpu", run] = $4 + 0
    data[key, "p50", run] = $5 == "-" ? "-" : $5 + 0
    data[key, "p99", run] = $6 == "-" ? "-" : $6 + 0
}

END {
    format = "| %-42s | %8s | %8s | %19s | %19s | %5s | %15s | %15s |\n"
    printf format, "", "Enoki", "plain", "Enoki", "plain", "CPU", "Enoki", "plain"
    printf format, "median (lowest-highest)", "k/s", "k/s", "CPU us/message", "CPU us/message", "ratio", "p50 / p99 us", "p50 / p99 us"
    printf format, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:"
    line("publish, persistent, 256 unconfirmed", "publish framework", "publish plain")
    line("drain a queue, prefetch 100, ack each", "drain framework", "drain plain")
    line("RPC, one call at a time", "rpc-1 framework", "rpc-1 plain")
    line("RPC, 64 calls at once", "rpc-64 framework", "rpc-64 plain")
    line("in process: publish, 256 tasks", "publish in-process")
    line("in process: drain a queue", "drain in-process")
    line("in process: RPC, one call at a time", "rpc-1 in-process")
    line("in process: RPC, 64 calls at once", "rpc-64 in-process")
}
