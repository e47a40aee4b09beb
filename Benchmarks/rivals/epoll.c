// The least that serves HTTP at all: a bare epoll loop that looks for the end of a head and answers a constant. It
// parses nothing, routes nothing, writes no date, bounds nothing: what is above it, a server adds.
//
// Usage: epoll PORT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int queue, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static int listen_on(int port) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 4096) != 0) fail("listen");
    return listener;
}

static void accept_all(int queue, int listener) {
    int one = 1, client;
    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(queue, client);
    }
}

// wrk sends a whole head at once: a head that comes in pieces is not what this measures, and ends the connection.
static void answer_one(int client) {
    char buffer[65536];
    ssize_t count = read(client, buffer, sizeof buffer);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 4 || memcmp(buffer + count - 4, "\r\n\r\n", 4) != 0 ||
        write(client, answer, sizeof answer - 1) != (ssize_t)sizeof answer - 1)
        close(client);
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "Usage: %s PORT\n", argv[0]), 64;
    int queue = epoll_create1(EPOLL_CLOEXEC), listener = listen_on(atoi(argv[1]));
    watch(queue, listener);
    struct epoll_event events[1024];
    for (;;) {
        int count = epoll_wait(queue, events, 1024, -1);
        for (int index = 0; index < count; index++) {
            if (events[index].data.fd == listener) accept_all(queue, listener);
            else answer_one(events[index].data.fd);
        }
    }
}
