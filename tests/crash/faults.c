/* Preloaded into a buyer: counts and logs the file calls under one folder, and spoils one of them.

   Nothing is counted before faults_arm(). The log has a line for each call,

       number op result size offset path [other path]

   fields between tabs, paths relative to the folder, followed by the bytes that were written.
   The calls of one purchase come one after another, so that the Nth is the same in every run. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FD = 1024 };

static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static long calls, target;
static char fault;
static char *known[MAX_FD]; /* the path of each open file under the folder, relative to it */

#define REAL(type, name, ...)                              \
    static type (*real)(__VA_ARGS__);                      \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)

/* `kind`: 'e' fails the call with EIO; 'f' is a disk that is full from this call on; 'k' kills the
   process before the call, 'h' when it is half done (a write) or just done (any other call). */
void faults_arm(const char *folder, const char *log, long number, char kind) {
    log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(root, sizeof root, "%s/", folder);
    root_length = strlen(root);
    target = number;
    fault = kind;
}

static void note(const char *op, long result, long size, long offset, const char *path,
                 const char *other, const void *data) {
    char line[2 * PATH_MAX + 200];
    int length = snprintf(line, sizeof line, "%ld\t%s\t%ld\t%ld\t%ld\t%s\t%s\n", calls, op, result,
                          size, offset, path, other);
    struct iovec parts[2] = {{line, length}, {(void *)data, data && result > 0 ? result : 0}};
    if (writev(log_fd, parts, 2) < 0) abort();
}

/* Write down that the buyer has reached a step. */
void faults_mark(const char *step) {
    int before = errno;
    if (log_fd >= 0) note("mark", 0, 0, 0, step, "", NULL);
    errno = before;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

enum { GO_ON, FAIL, HALF };

/* Count a call and say what becomes of it; `grows` tells that it takes room on the disk. */
static int decide(int grows) {
    calls++;
    if (fault == 'f' && calls >= target && target > 0 && grows) {
        errno = ENOSPC;
        return calls == target ? HALF : FAIL;
    }
    if (calls != target) return GO_ON;
    if (fault == 'k') die();
    if (fault == 'h') return HALF;
    if (fault != 'e') return GO_ON;
    errno = EIO;
    return FAIL;
}

/* Return the part of `path` below the folder, in `room` when it has to be put together, or NULL;
   the folder itself is ".". */
static const char *below(int folder_fd, const char *path, char *room) {
    if (log_fd < 0 || path == NULL) return NULL;
    if (path[0] == '/') {
        if (strncmp(path, root, root_length) == 0) return path + root_length;
        return strlen(path) == root_length - 1 && strncmp(path, root, root_length - 1) == 0 ? "." : NULL;
    }
    if (folder_fd < 0 || folder_fd >= MAX_FD || known[folder_fd] == NULL) return NULL;
    snprintf(room, PATH_MAX, "%s/%s", known[folder_fd], path);
    return room;
}

static const char *of(int fd) {
    return log_fd >= 0 && fd >= 0 && fd < MAX_FD ? known[fd] : NULL;
}

/* A call whose whole effect is one result: it fails, or it is done, and logged. */
#define SPOILT(op, grows, path, other, size, call)                       \
    do {                                                                 \
        int verdict = decide(grows), failed = errno;                     \
        if (verdict == FAIL || (verdict == HALF && fault == 'f')) {      \
            note(op, -1, size, 0, path, other, NULL);                    \
            errno = failed;                                              \
            return -1;                                                   \
        }                                                                \
        long result = (call);                                            \
        int kept = errno;                                                \
        note(op, result, size, 0, path, other, NULL);                    \
        if (verdict == HALF) die();                                      \
        errno = kept;                                                    \
        return result;                                                   \
    } while (0)

static int remember(int fd, const char *path) {
    if (fd >= 0 && fd < MAX_FD) known[fd] = strdup(path);
    return fd;
}

static int opened(int folder_fd, const char *path, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    char room[PATH_MAX];
    const char *name = below(folder_fd, path, room);
    if (name == NULL) return real(folder_fd, path, flags, mode);
    struct stat found;
    int creates = (flags & O_CREAT) && fstatat(folder_fd, path, &found, 0) != 0;
    SPOILT(creates ? "create" : "open", creates, name, flags & O_TRUNC ? "truncated" : "", 0,
           remember(real(folder_fd, path, flags, mode), name));
}

#define OPEN(symbol)                                          \
    int symbol(const char *path, int flags, ...) {            \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                         \
        return opened(AT_FDCWD, path, flags, mode);           \
    }
#define OPENAT(symbol)                                        \
    int symbol(int folder_fd, const char *path, int flags, ...) { \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                         \
        return opened(folder_fd, path, flags, mode);          \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    REAL(int, "close", int);
    if (of(fd) != NULL) {
        free(known[fd]);
        known[fd] = NULL;
    }
    return real(fd);
}

static ssize_t written(int fd, const void *data, size_t size, off_t offset, int at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    const char *path = of(fd);
    int verdict = decide(1), failed = errno;
    if (verdict == FAIL) {
        note("write", -1, size, offset, path, "", NULL);
        errno = failed;
        return -1;
    }
    if (verdict == HALF) size /= 2;
    ssize_t result = real(fd, data, size, offset);
    int kept = errno;
    note("write", result, size, offset, path, "", data);
    if (verdict == HALF && fault == 'h') die();
    if (!at && result > 0) lseek(fd, offset + result, SEEK_SET);
    errno = kept;
    return result;
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (of(fd) == NULL) return real(fd, data, size);
    return written(fd, data, size, lseek(fd, 0, SEEK_CUR), 0);
}

#define PWRITE(symbol)                                                      \
    ssize_t symbol(int fd, const void *data, size_t size, off_t offset) {   \
        REAL(ssize_t, #symbol, int, const void *, size_t, off_t);           \
        if (of(fd) == NULL) return real(fd, data, size, offset);            \
        return written(fd, data, size, offset, 1);                          \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define SYNC(symbol)                                       \
    int symbol(int fd) {                                   \
        REAL(int, #symbol, int);                           \
        if (of(fd) == NULL) return real(fd);               \
        SPOILT("sync", 1, of(fd), "", 0, real(fd));        \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(symbol)                                          \
    int symbol(int fd, off_t size) {                              \
        REAL(int, #symbol, int, off_t);                           \
        if (of(fd) == NULL) return real(fd, size);                \
        SPOILT("truncate", 0, of(fd), "", size, real(fd, size));  \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    char room[PATH_MAX];
    const char *name = below(AT_FDCWD, path, room);
    if (name == NULL) return real(path, mode);
    SPOILT("mkdir", 1, name, "", 0, real(path, mode));
}

int rmdir(const char *path) {
    REAL(int, "rmdir", const char *);
    char room[PATH_MAX];
    const char *name = below(AT_FDCWD, path, room);
    if (name == NULL) return real(path);
    SPOILT("remove", 0, name, "", 0, real(path));
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char room[PATH_MAX];
    const char *name = below(AT_FDCWD, path, room);
    if (name == NULL) return real(path);
    SPOILT("remove", 0, name, "", 0, real(path));
}

int unlinkat(int folder_fd, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char room[PATH_MAX];
    const char *name = below(folder_fd, path, room);
    if (name == NULL) return real(folder_fd, path, flags);
    SPOILT("remove", 0, name, "", 0, real(folder_fd, path, flags));
}

int rename(const char *path, const char *other) {
    REAL(int, "rename", const char *, const char *);
    char room[PATH_MAX], second[PATH_MAX];
    const char *name = below(AT_FDCWD, path, room), *to = below(AT_FDCWD, other, second);
    if (name == NULL || to == NULL) return real(path, other);
    SPOILT("rename", 1, name, to, 0, real(path, other));
}

int link(const char *path, const char *other) {
    REAL(int, "link", const char *, const char *);
    char room[PATH_MAX], second[PATH_MAX];
    const char *name = below(AT_FDCWD, path, room), *to = below(AT_FDCWD, other, second);
    if (name == NULL || to == NULL) return real(path, other);
    SPOILT("link", 1, name, to, 0, real(path, other));
}
