#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Linux's variadic calls, which Swift does not import; no logic.

static inline int igropyr_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

static inline int igropyr_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// For all of the same user's, where Yama lets parents only.
static inline int igropyr_allow_tracing(void) { return prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); }

static inline int igropyr_memory_file(void) { return (int)syscall(SYS_memfd_create, "igropyr", MFD_CLOEXEC); }

static inline int igropyr_unshare(int flags) { return (int)syscall(SYS_unshare, flags); }

static inline int igropyr_mount(
    const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
    return mount(source, target, type, flags, options);
}

static inline int igropyr_set_limit(int resource, unsigned long value) {
    const struct rlimit limit = {value, value};
    return setrlimit(resource, &limit);
}

// The soft limit up to the hard one, but not above `most`; never down.
static inline int igropyr_raise_open_files(unsigned long most) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    const rlim_t wanted = limit.rlim_max < most ? limit.rlim_max : most;
    if (limit.rlim_cur >= wanted) return 0;
    limit.rlim_cur = wanted;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

// The soft limit, as far as the hard one allows; descriptors above it stay open.
static inline int igropyr_set_open_files(unsigned long soft) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

// How many descriptors this process may have; 0 if that is unknown.
static inline unsigned long igropyr_open_files_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static const int igropyr_CLONE_NEWNS = 0x00020000;
static const unsigned long igropyr_MS_RDONLY = MS_RDONLY;
static const unsigned long igropyr_MS_NOSUID = MS_NOSUID;
static const unsigned long igropyr_MS_NODEV = MS_NODEV;
static const unsigned long igropyr_MS_REMOUNT = MS_REMOUNT;
static const unsigned long igropyr_MS_BIND = MS_BIND;
static const unsigned long igropyr_MS_REC = MS_REC;
static const unsigned long igropyr_MS_SLAVE = MS_SLAVE;
static const int igropyr_RLIMIT_DATA = RLIMIT_DATA;
static const int igropyr_RLIMIT_NOFILE = RLIMIT_NOFILE;
static const int igropyr_RLIMIT_NPROC = RLIMIT_NPROC;

static inline int igropyr_become_child_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

// CLOSE_RANGE_CLOEXEC (Linux 5.11): all descriptors from there on are closed by execve.
static inline int igropyr_close_on_exec_from(unsigned int first) {
    return (int)syscall(SYS_close_range, first, ~0U, 1U << 2);
}

// Of the calling thread alone; the C library's calls are for all threads.

static inline int igropyr_set_thread_groups(unsigned long count, const gid_t *groups) {
    return (int)syscall(SYS_setgroups, count, groups);
}

static inline int igropyr_set_thread_group(gid_t group) { return (int)syscall(SYS_setresgid, group, group, group); }

static inline int igropyr_set_thread_user(uid_t user) { return (int)syscall(SYS_setresuid, user, user, user); }

static inline int igropyr_thread_id(void) { return (int)syscall(SYS_gettid); }

static inline int igropyr_signal_thread(int process, int thread, int signal) {
    return (int)syscall(SYS_tgkill, process, thread, signal);
}

static inline int igropyr_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

static inline int igropyr_pidfd_getfd(int process, int descriptor) {
    return (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
}

static inline int igropyr_pidfd_send_signal(int process, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, process, signal, 0, 0);
}

// <fcntl.h> has it only under _GNU_SOURCE, which would change structs that Swift's own module of the C library has
// without it.
static const int igropyr_O_PATH = 010000000;

static inline int igropyr_openat2(int folder, const char *path, const struct open_how *how) {
    return (int)syscall(SYS_openat2, folder, path, how, sizeof *how);
}

// The resolver's functions are macros, and its struct has the name of a function. `server` becomes the only one asked.

typedef struct __res_state igropyr_res_state;

static inline int igropyr_res_ninit(struct __res_state *state) { return res_ninit(state); }

static inline void igropyr_res_nclose(struct __res_state *state) { res_nclose(state); }

static inline int igropyr_res_nquery(
    struct __res_state *state, const char *name, int class, int type, unsigned char *answer, int size) {
    return res_nquery(state, name, class, type, answer, size);
}

static inline int igropyr_res_set_server(struct __res_state *state, const struct sockaddr_in *server) {
    state->nsaddr_list[0] = *server;
    state->nscount = 1;
    return 0;
}

static inline int igropyr_res_error(const struct __res_state *state) { return state->res_h_errno; }
