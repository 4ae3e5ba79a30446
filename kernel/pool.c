/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <string.h>

bool pool_take(struct pool *p, uint64_t count, bool align, mfn_t *out)
{
    bool power_of_two = count != 0 && (count & (count - 1)) == 0;
    uint64_t next = p->first.n + p->used;
    uint64_t left = p->frames - p->used;
    uint64_t skip = align && power_of_two ? (0 - next) & (count - 1) : 0;

    if (count == 0 || skip > left || count > left - skip)
        return false;
    *out = mfn(next + skip);
    p->used += skip + count;
    memset(pool_ptr(p, *out), 0, count << FRAME_SHIFT);
    return true;
}
