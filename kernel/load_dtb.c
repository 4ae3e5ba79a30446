/* SPDX-License-Identifier: Apache-2.0 */
#include "arch.h"
#include "guest_dt.h"
#include "load.h"

err_t load_dtb(const struct plan *p, const struct plan_partition *pp, struct diag *d)
{
    void *buf = load_start_block(pp);
    size_t used = 0;
    err_t err = guest_dt_write(p, pp, buf, GUEST_DTB_MAX, &used, d);

    arch_clean(buf, used);
    return err;
}
