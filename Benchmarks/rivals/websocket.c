// The least that speaks WebSocket (RFC 6455), both ends of it: a server that sends each message back, and clients that
// send the next message of 64 bytes when the last one has come back. It knows one key, the RFC's own, and no frame but
// these; anything else ends it.
//
// Usage: websocket serve PORT
//        websocket load PORT CONNECTIONS SECONDS     prints how many messages came back, and in how many seconds

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { MESSAGE = 64, FROM_SERVER = 2 + MESSAGE, FROM_CLIENT = 6 + MESSAGE, CAPACITY = 4096 };

static const char request[] = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char agreement[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct connection {
    int descriptor, is_open;
    size_t filled;
    char buffer[CAPACITY];
};

static int queue;
static long echoed;

// To one that is gone meanwhile nothing is said: the next read finds that out.
static void say(struct connection *connection, const char *bytes, size_t count) {
    if (write(connection->descriptor, bytes, count) != (ssize_t)count && errno != EPIPE && errno != ECONNRESET) fail("write");
}

static void watch(int descriptor) {
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *connection = calloc(1, sizeof *connection);
    connection->descriptor = descriptor;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void send_message(struct connection *connection) {
    static const char mask[4] = {0x37, 0x1f, 0x5a, 0x21};
    char frame[FROM_CLIENT] = {(char)0x82, (char)(0x80 | MESSAGE)};
    memcpy(frame + 2, mask, 4);
    for (int index = 0; index < MESSAGE; index++) frame[6 + index] = 'a' ^ mask[index % 4];
    say(connection, frame, sizeof frame);
}

static void echo(struct connection *connection) {
    const char *frame = connection->buffer;
    char answer[FROM_SERVER] = {(char)0x82, MESSAGE};
    if (frame[0] != answer[0] || frame[1] != (char)(0x80 | MESSAGE)) fail("not a message");
    for (int index = 0; index < MESSAGE; index++) answer[2 + index] = frame[6 + index] ^ frame[2 + index % 4];
    say(connection, answer, sizeof answer);
}

static void check_echo(struct connection *connection) {
    const char *frame = connection->buffer;
    if (frame[0] != (char)0x82 || frame[1] != MESSAGE || frame[2] != 'a' || frame[FROM_SERVER - 1] != 'a') fail("not the message");
    echoed++;
    send_message(connection);
}

// How many bytes at the buffer's start were dealt with; 0 while what begins there is not whole.
static size_t deal_with(struct connection *connection, int is_server) {
    size_t frame = is_server ? FROM_CLIENT : FROM_SERVER;
    if (connection->is_open) {
        if (connection->filled < frame) return 0;
        is_server ? echo(connection) : check_echo(connection);
        return frame;
    }
    char *end = memmem(connection->buffer, connection->filled, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    connection->is_open = 1;
    if (is_server) say(connection, agreement, sizeof agreement - 1);
    else if (strncmp(connection->buffer, "HTTP/1.1 101", 12) != 0) fail("no WebSocket");
    else send_message(connection);
    return end + 4 - connection->buffer;
}

static void take(struct connection *connection, int is_server) {
    ssize_t count = read(connection->descriptor, connection->buffer + connection->filled, CAPACITY - connection->filled);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        if (!is_server) fail("a connection ended");
        close(connection->descriptor);
        free(connection);
        return;
    }
    connection->filled += count;
    for (size_t done; (done = deal_with(connection, is_server)) > 0;) {
        connection->filled -= done;
        memmove(connection->buffer, connection->buffer + done, connection->filled);
    }
}

static void serve(struct sockaddr_in address) {
    int one = 1, client, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 4096) != 0) fail("listen");
    struct epoll_event events[256], event = {.events = EPOLLIN};
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(queue, events, 256, -1);
        for (int place = 0; place < count; place++) {
            if (events[place].data.ptr != NULL) take(events[place].data.ptr, 1);
            else while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) watch(client);
        }
    }
}

static void load(struct sockaddr_in address, int connections, double seconds) {
    double begun = now();
    for (int index = 0; index < connections; index++) {
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
        if (write(descriptor, request, sizeof request - 1) != sizeof request - 1) fail("write");
        fcntl(descriptor, F_SETFL, O_NONBLOCK);
        watch(descriptor);
    }
    struct epoll_event events[256];
    while (now() < begun + seconds) {
        int count = epoll_wait(queue, events, 256, 100);
        for (int place = 0; place < count; place++) take(events[place].data.ptr, 0);
    }
    printf("%ld\t%.6f\n", echoed, now() - begun);
}

int main(int argc, char **argv) {
    if ((argc != 3 || strcmp(argv[1], "serve") != 0) && (argc != 5 || strcmp(argv[1], "load") != 0))
        return fprintf(stderr, "Usage: %s serve PORT | load PORT CONNECTIONS SECONDS\n", argv[0]), 64;
    signal(SIGPIPE, SIG_IGN);
    queue = epoll_create1(EPOLL_CLOEXEC);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (argc == 3) serve(address);
    load(address, atoi(argv[3]), atof(argv[4]));
}
