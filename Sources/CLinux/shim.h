#include <fcntl.h>
#include <malloc.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Headers and variadic calls of Linux that Swift does not import; no logic.

static inline int igropyr_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

// <fcntl.h> has it only under _GNU_SOURCE, which would change structs that Swift's own module of the C library has
// without it.
static const int igropyr_O_PATH = 010000000;

static inline int igropyr_openat2(int folder, const char *path, const struct open_how *how) {
    return (int)syscall(SYS_openat2, folder, path, how, sizeof *how);
}
