/* SPDX-License-Identifier: Apache-2.0 */
#include "diag.h"
#include "fmt.h"

err_t diag_fail(struct diag *d, err_t code, const char *fmt, ...)
{
    va_list ap;

    if (d->text[0]) /* the first error is the cause */
        return code;
    va_start(ap, fmt);
    fmt_vprint(d->text, sizeof d->text, fmt, ap);
    va_end(ap);
    return code;
}
