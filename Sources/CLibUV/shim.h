#include <sys/types.h>
#include <uv.h>

// Linux calls that the C library declares only under _GNU_SOURCE, which would change structs that Swift's own module
// of the C library has without it.
int accept4(int descriptor, void *address, void *length, int flags);
int pthread_setname_np(pthread_t thread, const char *name);
