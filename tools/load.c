/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Read a descriptor to its end. */
static enum status blob_read_fd(struct blob *b, int fd, const char *path, size_t max)
{
    size_t room = 64 << 10;
    *b = (struct blob){.data = malloc(room)};
    while (b->data) {
        ssize_t n = read(fd, b->data + b->size, room - b->size);
        if (n == 0)
            return STATUS_OK;
        if (n < 0) {
            if (errno == EINTR)
                continue;
            fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
            return STATUS_TROUBLE;
        }
        b->size += (size_t)n;
        if (b->size > max) {
            fprintf(stderr, "mullion: %s: larger than %zu bytes\n", path, max);
            return STATUS_REFUSED;
        }
        if (b->size == room) {
            room *= 2;
            uint8_t *more = realloc(b->data, room);
            if (!more)
                break;
            b->data = more;
        }
    }
    fprintf(stderr, "mullion: %s: out of memory\n", path);
    return STATUS_TROUBLE;
}

enum status blob_read(struct blob *b, const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
        return STATUS_TROUBLE;
    }
    enum status st = blob_read_fd(b, fd, path, max);
    close(fd);
    return st;
}

/* dtc's arguments; its messages, with file and line, go to our stderr as they are. */
static const char **dtc_arguments(const char *path, const char *folder, const struct options *o)
{
    const char **arg = calloc(o->dirs * 2 + 12, sizeof(*arg));
    if (!arg)
        return NULL;
    size_t n = 0;
    arg[n++] = "dtc";
    arg[n++] = "-q"; /* no warnings: a decompiled board is full of them */
    arg[n++] = "-I";
    arg[n++] = "dts";
    arg[n++] = "-O";
    arg[n++] = "dtb";
    for (size_t i = 0; i < o->dirs; i++) {
        arg[n++] = "-i";
        arg[n++] = o->dir[i];
    }
    arg[n++] = "-i";
    arg[n++] = folder;
    arg[n++] = path;
    return arg;
}

static enum status dtc_run(struct blob *b, const char *path, const char **arg)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC)) {
        fprintf(stderr, "mullion: pipe: %s\n", strerror(errno));
        return STATUS_TROUBLE;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDOUT_FILENO);
    pid_t pid;
    int error = posix_spawnp(&pid, arg[0], &actions, NULL, (char *const *)arg, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fd[1]);
    if (error) {
        fprintf(stderr, "mullion: dtc (the device tree compiler) does not start: %s\n", strerror(error));
        close(pipe_fd[0]);
        return STATUS_TROUBLE;
    }
    enum status st = blob_read_fd(b, pipe_fd[0], path, DT_MAX_SIZE);
    close(pipe_fd[0]);
    int how = 0;
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (st == STATUS_OK && (!WIFEXITED(how) || WEXITSTATUS(how) != 0)) {
        fprintf(stderr, "mullion: %s: dtc does not accept it\n", path);
        st = STATUS_REFUSED;
    }
    return st;
}

enum status blob_read_dt(struct blob *b, const char *path, const struct options *o)
{
    size_t len = strlen(path);
    if (len < 4 || strcmp(path + len - 4, ".dts") != 0)
        return blob_read(b, path, DT_MAX_SIZE);
    if (access(path, R_OK)) {
        fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
        return STATUS_TROUBLE;
    }
    char *copy = strdup(path);
    const char **arg = copy ? dtc_arguments(path, dirname(copy), o) : NULL;
    enum status st = STATUS_TROUBLE;
    if (arg)
        st = dtc_run(b, path, arg);
    free(arg);
    free(copy);
    return st;
}
