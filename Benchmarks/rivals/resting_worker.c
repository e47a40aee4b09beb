// A worker that says it is ready, and rests: what its node costs is what is measured.
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void end(int number) { _exit(number == SIGTERM ? 0 : 1); }

int main(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    signal(SIGTERM, end);
    if (path != NULL && strlen(path) < sizeof address.sun_path) {
        int socket_descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        size_t length = strlen(path);
        memcpy(address.sun_path, path, length);
        if (path[0] == '@') address.sun_path[0] = 0;
        sendto(socket_descriptor, "READY=1", 7, 0, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    }
    for (;;) pause();
}
