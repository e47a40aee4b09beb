// Workers that take their time: each listens on a port of its own, has up to SLOTS requests under way, which take
// MICROSECONDS each, and lets further ones wait in the order in which they came. They take no processor time meanwhile.
// A GET of /counts, at any of them, is answered at once: how many other requests each has answered.
//
// Usage: workers MICROSECONDS SLOTS PORT…

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { MOST_WORKERS = 64 };

struct connection {
    int descriptor;  // -1 once it is closed.
    int is_listener, is_asking;
    struct worker *worker;
    struct connection *next;  // In the one line that it stands in.
    double done;
    size_t filled;
    char buffer[4096];
};

struct line {
    struct connection *first, *last;
};

struct worker {
    struct connection listener;
    int slots_taken;
    long answered;
    struct line waiting;
};

static struct worker workers[MOST_WORKERS];
static int worker_count, slots, queue;
static double seconds;
static struct line under_way;  // Of all workers: all take as long, so the first to begin is the first to end.

static void push(struct line *line, struct connection *connection) {
    connection->next = NULL;
    if (line->first == NULL) line->first = connection;
    else line->last->next = connection;
    line->last = connection;
}

static struct connection *pop(struct line *line) {
    struct connection *first = line->first;
    if (first != NULL) line->first = first->next;
    return first;
}

static void watch(struct connection *connection, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->descriptor = descriptor;
    if (epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void listen_on(struct worker *worker, int port) {
    int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(descriptor, 4096) != 0) fail("listen");
    worker->listener = (struct connection){.is_listener = 1, .worker = worker};
    watch(&worker->listener, descriptor);
}

static void accept_all(struct connection *listener) {
    int one = 1, client;
    while ((client = accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = calloc(1, sizeof *connection);
        connection->worker = listener->worker;
        watch(connection, client);
    }
}

static void answer(struct connection *connection, const char *body) {
    char text[4096];
    int length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    connection->filled = connection->is_asking = 0;
    if (connection->descriptor < 0) free(connection);  // It was closed meanwhile.
    else if (write(connection->descriptor, text, length) != length && errno != EPIPE && errno != ECONNRESET) fail("write");
}

static void begin(struct connection *connection) {
    connection->worker->slots_taken++;
    connection->done = now() + seconds;
    push(&under_way, connection);
}

static void finish_those_done(void) {
    while (under_way.first != NULL && under_way.first->done <= now()) {
        struct connection *connection = pop(&under_way);
        struct worker *worker = connection->worker;
        worker->slots_taken--;
        worker->answered++;
        answer(connection, "Hello, world\n");
        if ((connection = pop(&worker->waiting)) != NULL) begin(connection);
    }
}

static void answer_counts(struct connection *connection) {
    char body[MOST_WORKERS * 24] = "";
    for (int index = 0; index < worker_count; index++)
        sprintf(body + strlen(body), "%ld%c", workers[index].answered, index + 1 < worker_count ? ' ' : '\n');
    answer(connection, body);
}

static void take(struct connection *connection) {
    ssize_t count = read(connection->descriptor, connection->buffer + connection->filled, sizeof connection->buffer - connection->filled);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {  // If it stands in a line, answer() frees it.
        close(connection->descriptor);
        connection->descriptor = -1;
        if (!connection->is_asking) free(connection);
        return;
    }
    connection->filled += count;
    if (connection->is_asking || memmem(connection->buffer, connection->filled, "\r\n\r\n", 4) == NULL) return;
    connection->is_asking = 1;
    if (strncmp(connection->buffer, "GET /counts ", 12) == 0) answer_counts(connection);
    else if (connection->worker->slots_taken < slots) begin(connection);
    else push(&connection->worker->waiting, connection);
}

int main(int argc, char **argv) {
    worker_count = argc - 3;
    if (worker_count < 1 || worker_count > MOST_WORKERS) return fprintf(stderr, "Usage: %s MICROSECONDS SLOTS PORT…\n", argv[0]), 64;
    seconds = atof(argv[1]) / 1e6, slots = atoi(argv[2]);
    prctl(PR_SET_TIMERSLACK, 1);  // Nanoseconds by which the kernel may let it sleep longer.
    signal(SIGPIPE, SIG_IGN);
    queue = epoll_create1(EPOLL_CLOEXEC);
    for (int index = 0; index < worker_count; index++) listen_on(&workers[index], atoi(argv[3 + index]));
    struct epoll_event events[256];
    for (;;) {
        double rest = under_way.first != NULL ? under_way.first->done - now() : 1;
        struct timespec timeout = {.tv_nsec = rest <= 0 ? 0 : rest < 0.9 ? (long)(rest * 1e9) : 900000000};
        int ready = epoll_pwait2(queue, events, 256, &timeout, NULL);
        for (int place = 0; place < ready; place++) {
            struct connection *connection = events[place].data.ptr;
            if (connection->is_listener) accept_all(connection);
            else take(connection);
        }
        finish_those_done();
    }
}
