/* Preloaded into the programs of a host whose time of day is off: adds the seconds in the file that LAB_CLOCK names, which may
 * change at any time. Only the time of day moves; clocks that measure durations do not. (libfaketime does this, too, but
 * changes the environment before main: a Swift program then finds no arguments.) */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    static _Thread_local time_t looked_at;
    static _Thread_local long seconds;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec == looked_at) return seconds;
    looked_at = now.tv_sec;
    const char *path = getenv("LAB_CLOCK");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file) return seconds;
    if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
    fclose(file);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec time;
    if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
