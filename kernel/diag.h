/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. Inside the hypervisor an error is a value; what comes from outside
 * (manifest, firmware, image bundle) also leaves a text that names the node, the
 * property, the value and what would be right.
 */
#ifndef KERNEL_DIAG_H
#define KERNEL_DIAG_H

/* Every function that can fail returns this; ignoring it is a compile error. */
typedef enum __attribute__((warn_unused_result)) err {
    ERR_NONE = 0,
    ERR_INVALID,  /* the input is wrong */
    ERR_NO_SPACE, /* it does not fit: frames, arena, ids */
    ERR_TIMEOUT,  /* hardware did not answer in its bound */
    ERR_DENIED,   /* the caller has no right to it */
} err_t;

/* The text of the first error; empty while there is none. */
struct diag {
    char text[384];
};

/* Store a text in d and return code, so that a check reads `return diag_fail(...)`. */
err_t diag_fail(struct diag *d, err_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
