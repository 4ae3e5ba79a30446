/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver's call answered, for cmocka: shows the text when it is not what was expected. */
#ifndef HOST_EXPECT_H
#define HOST_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag.h"

static inline void expect_ok(const struct diag *d, err_t e)
{
    if (e)
        print_message("%s\n", d->text);
    assert_int_equal(e, ERR_NONE);
}

/* An error of this kind whose text has these words; clears it. */
static inline void expect_err(struct diag *d, err_t e, err_t want, const char *words)
{
    if (!strstr(d->text, words))
        print_message("got: %s\n", d->text);
    assert_int_equal(e, want);
    assert_non_null(strstr(d->text, words));
    d->text[0] = 0;
}

#endif
