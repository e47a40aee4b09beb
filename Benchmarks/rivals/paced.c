// Sends GETs at moments of its own choice, whatever the pace of the answers: so many a second, the gaps between them
// drawn from an exponential distribution. A wait counts from the moment at which a request was due: one that found every
// connection taken is not thought quick. HOT of a hundred requests go for one path, the others for any of ten thousand.
//
// Prints the median wait and the 99th percentile, in microseconds, of all requests but those for the hot path.
// One that fails ends it.
//
// Usage: paced PORT CONNECTIONS RATE SECONDS HOT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { PATHS = 10000, MOST_CONNECTIONS = 4096, PATIENCE = 10 };

struct connection {
    int descriptor, is_hot;
    double due;
    size_t filled;
    char buffer[4096];
};

static struct connection connections[MOST_CONNECTIONS];
static struct connection *idle[MOST_CONNECTIONS];
static int idle_count, queue;
static double *waits;
static size_t wait_count, most_waits;

static uint64_t draw(void) {  // xorshift64*: the same series in each run.
    static uint64_t state = 88172645463325252u;
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 2685821657736338717u;
}

static double gap(double rate) { return -log1p(-(double)(draw() >> 11) / 9007199254740992.0) / rate; }

static void open_connection(struct connection *connection, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
    connection->descriptor = descriptor;
    idle[idle_count++] = connection;
}

static void ask(double due, uint64_t hot) {
    struct connection *connection = idle[--idle_count];
    char request[128];
    connection->due = due, connection->filled = 0, connection->is_hot = draw() % 100 < hot;
    int path = connection->is_hot ? PATHS : (int)(draw() % PATHS);
    int length = snprintf(request, sizeof request, "GET /path/%d HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if (write(connection->descriptor, request, length) != length) fail("write");
}

// The bytes of the answer at the buffer's start once all of them are there, else 0.
static size_t answer_length(const struct connection *connection) {
    const char *end = memmem(connection->buffer, connection->filled, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    const char *length = strcasestr(connection->buffer, "\r\ncontent-length:");
    if (strncmp(connection->buffer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end)
        return fprintf(stderr, "not an answer: %s\n", connection->buffer), exit(1), 0;
    size_t total = end + 4 - connection->buffer + strtoul(length + 17, NULL, 10);
    return total <= connection->filled ? total : 0;
}

static void take(struct connection *connection) {
    ssize_t count = read(connection->descriptor, connection->buffer + connection->filled, sizeof connection->buffer - 1 - connection->filled);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a connection ended");
    connection->filled += count;
    connection->buffer[connection->filled] = 0;
    if (answer_length(connection) == 0) return;
    if (!connection->is_hot && wait_count < most_waits) waits[wait_count++] = now() - connection->due;
    idle[idle_count++] = connection;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "Usage: %s PORT CONNECTIONS RATE SECONDS HOT\n", argv[0]), 64;
    int port = atoi(argv[1]), count = atoi(argv[2]), hot = atoi(argv[5]);
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    if (count < 1 || count > MOST_CONNECTIONS || rate < 1 || seconds <= 0 || hot < 0 || hot > 100)
        return fprintf(stderr, "CONNECTIONS is 1 to %d, HOT 0 to 100, RATE and SECONDS are positive\n", MOST_CONNECTIONS), 64;
    prctl(PR_SET_TIMERSLACK, 1);  // Nanoseconds by which the kernel may let it sleep longer.
    queue = epoll_create1(EPOLL_CLOEXEC);
    most_waits = rate * seconds * 2 + 1000;
    waits = calloc(most_waits, sizeof *waits);
    for (int index = 0; index < count; index++) open_connection(&connections[index], port);
    double end = now() + seconds, next = now() + gap(rate), time;
    struct epoll_event events[256];
    while (time = now(), next < end || idle_count < count) {
        if (time > end + PATIENCE) return fprintf(stderr, "not answered in %d seconds\n", PATIENCE), 1;
        for (; next <= time && next < end && idle_count > 0; next += gap(rate)) ask(next, hot);
        double rest = next < end && idle_count > 0 ? next - now() : 1;
        struct timespec timeout = {.tv_nsec = rest <= 0 ? 0 : rest < 0.9 ? (long)(rest * 1e9) : 900000000};
        int ready = epoll_pwait2(queue, events, 256, &timeout, NULL);
        for (int place = 0; place < ready; place++) take(events[place].data.ptr);
    }
    if (wait_count == 0) return fprintf(stderr, "nothing was measured\n"), 1;
    qsort(waits, wait_count, sizeof *waits, ascending);
    printf("%.1f\t%.1f\n", waits[wait_count / 2] * 1e6, waits[wait_count * 99 / 100] * 1e6);
}
