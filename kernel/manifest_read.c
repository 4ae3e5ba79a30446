/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest_read.h"
#include "bundle.h"
#include "fmt.h"

#include <string.h>

err_t manifest_fail(const struct manifest_reader *r, dt_node_t n, const char *fmt, ...)
{
    char path[128], text[256];
    va_list ap;

    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    return diag_fail(r->d, ERR_INVALID, "manifest: %s: %s", dt_path(r->dt, n, path, sizeof path), text);
}

/* Index of word in words, MANIFEST_REQUIRED when it is not one of them. */
static uint32_t word_index(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (uint32_t i = 0; *words; i++) {
        size_t n = strcspn(words, " ");

        if (n == len && !memcmp(words, word, n))
            return i;
        words += n + (words[n] == ' ');
    }
    return MANIFEST_REQUIRED;
}

err_t manifest_check_node(const struct manifest_reader *r, dt_node_t n, const char *props, const char *children)
{
    const struct dt_node *node = &r->dt->node[n];
    const struct dt_prop *first = &r->dt->prop[node->prop];

    for (const struct dt_prop *p = first; p < first + node->props; p++) {
        if (strcmp(p->name, "phandle") && word_index(props, p->name) == MANIFEST_REQUIRED)
            return manifest_fail(r, n, "unknown property %s; known here: %s", p->name, *props ? props : "none");
        if (dt_prop(r->dt, n, p->name) != p)
            return manifest_fail(r, n, "property %s is there twice", p->name);
    }
    for (dt_node_t c = node->child; c != DT_NONE; c = r->dt->node[c].next) {
        const char *name = r->dt->node[c].name;

        if (strcmp(children, MANIFEST_ANY) && word_index(children, name) == MANIFEST_REQUIRED)
            return manifest_fail(r, n, "unknown node %s; known here: %s", name, *children ? children : "none");
        if (dt_child(r->dt, n, name) != c)
            return manifest_fail(r, n, "two nodes of the name %s", name);
    }
    return ERR_NONE;
}

err_t manifest_check_range(const struct manifest_reader *r, dt_node_t n, const char *prop, uint64_t base, uint64_t size)
{
    const uint64_t limit = UINT64_C(1) << MANIFEST_ADDR_BITS;

    if (!size)
        return manifest_fail(r, n, "%s: size is 0", prop);
    if ((base | size) & FRAME_MASK)
        return manifest_fail(r, n, "%s: 0x%llx + 0x%llx is not whole pages of 0x1000 bytes", prop,
                             (unsigned long long)base, (unsigned long long)size);
    if (size > limit || base > limit - size)
        return manifest_fail(r, n, "%s: 0x%llx + 0x%llx passes 2^%d", prop, (unsigned long long)base,
                             (unsigned long long)size, MANIFEST_ADDR_BITS);
    return ERR_NONE;
}

err_t manifest_read_word(const struct manifest_reader *r, dt_node_t n, const char *prop, const char *words,
                         uint32_t def, uint32_t *out)
{
    const char *text;
    err_t e = dt_read_string(r->dt, n, prop, NULL, &text, r->d);

    *out = def;
    if (e)
        return e;
    if (text)
        *out = word_index(words, text);
    if (*out == MANIFEST_REQUIRED && text)
        return manifest_fail(r, n, "%s: \"%.*s\" is not one of: %s", prop, 48, text, words);
    if (*out == MANIFEST_REQUIRED)
        return manifest_fail(r, n, "%s: missing, one of: %s", prop, words);
    return ERR_NONE;
}

err_t manifest_read_text(const struct manifest_reader *r, dt_node_t n, const char *prop, size_t min, size_t max,
                         const char **out)
{
    err_t e = dt_read_string(r->dt, n, prop, "", out, r->d);
    size_t len;

    if (e)
        return e;
    len = strlen(*out);
    if (len < min && !dt_has(r->dt, n, prop))
        return manifest_fail(r, n, "%s: missing", prop);
    if (len < min || len > max)
        return manifest_fail(r, n, "%s: \"%.*s\" has %zu characters, %zu to %zu are right", prop, 64, *out, len, min,
                             max);
    return ERR_NONE;
}

err_t manifest_read_file(const struct manifest_reader *r, dt_node_t n, const char **out)
{
    err_t e = manifest_read_text(r, n, "file", 1, BUNDLE_NAME_MAX, out);

    if (!e && !strcmp(*out, BUNDLE_MANIFEST))
        e = manifest_fail(r, n, "file: \"manifest\" is the manifest itself; name an image");
    return e;
}

err_t manifest_read_flag(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *out)
{
    const struct dt_prop *p = dt_prop(r->dt, n, prop);

    *out = p != NULL;
    if (p && p->len)
        return manifest_fail(r, n, "%s: has a value of %u bytes; it is a flag, write it without one", prop, p->len);
    return ERR_NONE;
}

err_t manifest_read_choice(const struct manifest_reader *r, dt_node_t n, const char *prop, const char *words,
                           bool *second)
{
    uint32_t word;
    err_t e = manifest_read_word(r, n, prop, words, 0, &word);

    *second = word == 1;
    return e;
}

err_t manifest_read_u64(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *there, uint64_t *out)
{
    const struct dt_prop *p = dt_prop(r->dt, n, prop);

    *there = p != NULL;
    if (!p)
        return ERR_NONE;
    if (p->len != 8)
        return manifest_fail(r, n, "%s: %u bytes where two cells <hi lo> are right", prop, p->len);
    *out = dt_cells(p, 0, 2);
    return ERR_NONE;
}

err_t manifest_read_range(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *there, uint64_t *base,
                          uint64_t *size)
{
    const struct dt_prop *p = dt_prop(r->dt, n, prop);

    *there = p != NULL;
    if (!p)
        return ERR_NONE;
    if (p->len != 16)
        return manifest_fail(r, n, "%s: %u bytes where four cells <hi lo hi lo>, address and size, are right", prop,
                             p->len);
    *base = dt_cells(p, 0, 2);
    *size = dt_cells(p, 2, 2);
    return manifest_check_range(r, n, prop, *base, *size);
}

uint32_t manifest_count(const struct dt *dt, dt_node_t n)
{
    uint32_t count = 0;

    if (n == DT_NONE)
        return 0;
    for (n = dt->node[n].child; n != DT_NONE; n = dt->node[n].next)
        count++;
    return count;
}
