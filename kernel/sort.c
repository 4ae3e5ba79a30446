/* SPDX-License-Identifier: Apache-2.0 */
#include "sort.h"

typedef uint64_t __attribute__((may_alias)) word_t; /* of an element, whatever it is */

static void swap(word_t *a, word_t *b, size_t words)
{
    for (; words; words--, a++, b++) {
        word_t t = *a;

        *a = *b;
        *b = t;
    }
}

/* D. L. Shell's sort with D. E. Knuth's gaps (The Art of Computer Programming, vol. 3, 5.2.1). */
void sort_by_first(void *base, uint32_t count, size_t size)
{
    const size_t words = size / sizeof(word_t), end = count * words;
    word_t *w = base;
    size_t gap = 1;

    while (gap < count / 3)
        gap = 3 * gap + 1;
    for (; gap; gap /= 3) {
        const size_t step = gap * words;

        for (size_t i = step; i < end; i += words) {
            for (size_t k = i; k >= step && w[k - step] > w[k]; k -= step)
                swap(&w[k - step], &w[k], words);
        }
    }
}
