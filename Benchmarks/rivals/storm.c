// Opens COUNT connections to a loopback port at once, sends a request on each, and waits for the first byte of every
// answer. Prints how many were answered and the longest wait in milliseconds, from connect() to the first byte.
//
// Usage: storm PORT COUNT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static double milliseconds(void) { return now() * 1e3; }

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "Usage: %s PORT COUNT\n", argv[0]), 64;
    int count = atoi(argv[2]), queue = epoll_create1(EPOLL_CLOEXEC), answered = 0, refused = 0;
    struct rlimit limit = {.rlim_cur = count + 100, .rlim_max = count + 100};
    if (count < 1 || count > 20000) return fprintf(stderr, "COUNT is 1 to 20000\n"), 64;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int *sockets = calloc(count, sizeof *sockets);
    double *begun = calloc(count, sizeof *begun), longest = 0, deadline = milliseconds() + 20000;
    for (int index = 0; index < count; index++) {
        if ((sockets[index] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0) fail("socket");
        begun[index] = milliseconds();
        if (connect(sockets[index], (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) fail("connect");
        struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, sockets[index], &event) != 0) fail("epoll_ctl");
    }
    struct epoll_event events[1024];
    while (answered + refused < count && milliseconds() < deadline) {
        int ready = epoll_wait(queue, events, 1024, 100);
        for (int place = 0; place < ready; place++) {
            int index = events[place].data.u32, descriptor = sockets[index];
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
            char byte;
            if (events[place].events & EPOLLOUT) {
                if (write(descriptor, request, sizeof request - 1) < 0) event.events = 0, refused++;
                epoll_ctl(queue, event.events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, descriptor, &event);
                continue;
            }
            if (read(descriptor, &byte, 1) == 1) {
                double wait = milliseconds() - begun[index];
                if (wait > longest) longest = wait;
                answered++;
            } else refused++;
            epoll_ctl(queue, EPOLL_CTL_DEL, descriptor, NULL);
        }
    }
    printf("%d\t%.1f\n", answered, longest);
    return answered == count ? 0 : 1;
}
