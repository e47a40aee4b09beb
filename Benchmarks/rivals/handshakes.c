// CONNECTIONS clients that connect to a loopback port, make a full handshake by TLS, ask for `/`, read to the end and begin
// anew. None knows of an earlier session, and none looks at the certificate. Prints how many answers came, and in how
// many seconds; an answer but 200, and an end that TLS did not announce, end it.
//
// Usage: handshakes PORT CONNECTIONS SECONDS

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct client {
    SSL *ssl;
    int descriptor;
    int has_asked, has_answer;
};

static SSL_CTX *context;
static struct sockaddr_in address;
static int queue, open_count, answers;
static double until;

static void fail_by_tls(const char *what) {
    ERR_print_errors_fp(stderr);
    fail(what);
}

static void begin(struct client *client) {
    int on = 1;
    // Blocking until it is connected, which on loopback is at once.
    client->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (client->descriptor < 0 || connect(client->descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, client->descriptor, &event) != 0) fail("epoll_ctl");
    client->has_asked = client->has_answer = 0;
    if ((client->ssl = SSL_new(context)) == NULL) fail_by_tls("SSL_new");
    BIO_socket_nbio(client->descriptor, 1);
    SSL_set_fd(client->ssl, client->descriptor);
}

static void end(struct client *client) {
    SSL_shutdown(client->ssl);
    SSL_free(client->ssl);
    close(client->descriptor);
}

// Returns whether the answer came whole.
static int go_on(struct client *client) {
    char bytes[4096];
    if (!client->has_asked) {
        int result = SSL_connect(client->ssl);
        if (result != 1) {
            if (SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ) fail_by_tls("SSL_connect");
            return 0;
        }
        if (SSL_session_reused(client->ssl)) fail("a session was resumed");
        if (SSL_write(client->ssl, request, sizeof request - 1) != sizeof request - 1) fail_by_tls("SSL_write");
        client->has_asked = 1;
    }
    for (;;) {
        int count = SSL_read(client->ssl, bytes, sizeof bytes);
        if (count > 0) {
            if (!client->has_answer && (count < 12 || memcmp(bytes, "HTTP/1.1 200", 12) != 0)) fail("another answer");
            client->has_answer = 1;
            continue;
        }
        switch (SSL_get_error(client->ssl, count)) {
        case SSL_ERROR_WANT_READ: return 0;
        case SSL_ERROR_ZERO_RETURN: break;
        default: fail_by_tls("SSL_read");
        }
        if (!client->has_answer) fail("no answer");
        return 1;
    }
}

// Those that have begun in time are let finish, so that all work is counted.
static void advance(struct client *client) {
    while (go_on(client)) {
        answers++;
        end(client);
        if (now() >= until) {
            open_count--;
            return;
        }
        begin(client);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "Usage: %s PORT CONNECTIONS SECONDS\n", argv[0]), 64;
    int count = atoi(argv[2]);
    if (count < 1 || count > 900) return fprintf(stderr, "CONNECTIONS is 1 to 900\n"), 64;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if ((context = SSL_CTX_new(TLS_client_method())) == NULL) fail_by_tls("SSL_CTX_new");
    if ((queue = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
    struct client *clients = calloc(count, sizeof *clients);
    double begun = now();
    until = begun + atof(argv[3]);
    open_count = count;
    for (int index = 0; index < count; index++) {
        begin(&clients[index]);
        advance(&clients[index]);
    }
    while (open_count > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(queue, events, 64, 10000);
        if (ready <= 0) fail("no answer for ten seconds");
        for (int place = 0; place < ready; place++) advance(events[place].data.ptr);
    }
    printf("%d\t%.3f\n", answers, now() - begun);
    return 0;
}
