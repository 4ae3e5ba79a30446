/* SPDX-License-Identifier: Apache-2.0 */
#include "dtc.h"

#include <libfdt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

static void *file_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    long len = -1;
    void *data = NULL;

    if (f && !fseek(f, 0, SEEK_END) && (len = ftell(f)) >= 0) {
        rewind(f);
        data = malloc((size_t)len);
        if (data && fread(data, 1, (size_t)len, f) != (size_t)len)
            len = -1;
    }
    if (f)
        fclose(f);
    if (!data || len < 0) {
        fprintf(stderr, "cannot read %s\n", path);
        abort();
    }
    *size = (size_t)len;
    return data;
}

static void *text_compile(const char *text, size_t len, size_t *size)
{
    char out[] = "/tmp/mullion-dtb-XXXXXX", command[96];
    int fd = mkstemp(out);
    FILE *dtc;
    size_t wrote = 0;
    void *data;

    snprintf(command, sizeof command, "dtc -q -I dts -O dtb -o %s -", out);
    dtc = fd < 0 ? NULL : popen(command, "w");
    if (dtc)
        wrote = fwrite(text, 1, len, dtc);
    if (!dtc || pclose(dtc) || wrote != len) {
        fprintf(stderr, "dtc refuses:\n%.*s\n", (int)len, text);
        abort();
    }
    data = file_read(out, size);
    close(fd);
    unlink(out);
    return data;
}

void *dts_compile(const char *text, size_t *size)
{
    return text_compile(text, strlen(text), size);
}

void *dts_compile_file(const char *path, size_t *size, char *first_line, size_t max)
{
    size_t len, line = 0;
    char *text = file_read(path, &len);
    void *blob = text_compile(text, len, size);

    if (first_line) {
        while (line < len && line < max - 1 && text[line] != '\n')
            line++;
        memcpy(first_line, text, line);
        first_line[line] = '\0';
    }
    free(text);
    return blob;
}

unsigned mutate_start(unsigned rounds)
{
    const char *seed = getenv("MULLION_SEED"), *count = getenv("MULLION_ROUNDS");

    state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    if (count)
        rounds = (unsigned)strtoul(count, NULL, 0);
    printf("MULLION_SEED=%llu MULLION_ROUNDS=%u\n", (unsigned long long)state, rounds);
    return rounds;
}

/* A 64-bit linear congruence; the high bits are good enough to pick bytes. */
unsigned mutate_below(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % n);
}

void mutate_byte(void *data, size_t size)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x09, 0x7f, 0x80, 0xff};
    uint8_t *p = (uint8_t *)data + mutate_below((unsigned)size);

    if (mutate_below(2))
        *p = edges[mutate_below(sizeof edges)];
    else
        *p ^= (uint8_t)(1u << mutate_below(8));
}

unsigned mutate_blob(const void *good, size_t size, unsigned rounds, mutate_reader *reader, void *context)
{
    uint8_t *blob = malloc(size);
    unsigned accepted = 0;

    for (unsigned i = 0; i < rounds; i++) {
        memcpy(blob, good, size);
        mutate_byte(blob, size);
        accepted += reader(context, blob, size);
    }
    free(blob);
    for (size_t cut = 0; cut < size; cut += 4) {
        uint8_t *part = malloc(cut + 8);

        memcpy(part, good, cut);
        if (cut >= 8)
            fdt_set_totalsize(part, (uint32_t)cut);
        if (reader(context, part, cut)) {
            fprintf(stderr, "accepted %zu of %zu bytes\n", cut, size);
            abort();
        }
        free(part);
    }
    return accepted;
}
