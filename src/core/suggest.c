#include "core/suggest.h"

#include <ctype.h>
#include <string.h>

enum { MAX_WORD = 63 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t replace_cost(char a, char b) {
    if (a == b)
        return 0;
    return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : 2;
}

size_t suggest_distance(const char *a, const char *b) {
    size_t rows = strlen(a), cols = strlen(b);
    if (rows > MAX_WORD || cols > MAX_WORD)
        return 2 * (rows > cols ? rows : cols);
    size_t cost[MAX_WORD + 1][MAX_WORD + 1];
    for (size_t i = 0; i <= rows; i++)
        cost[i][0] = 2 * i;
    for (size_t j = 0; j <= cols; j++)
        cost[0][j] = 2 * j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= cols; j++) {
            size_t best = cost[i - 1][j - 1] + replace_cost(a[i - 1], b[j - 1]);
            best = least(best, least(cost[i - 1][j], cost[i][j - 1]) + 2);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, cost[i - 2][j - 2] + 2);
            cost[i][j] = best;
        }
    }
    return cost[rows][cols];
}

const char *suggest_nearest(const char *word, const char *const *words) {
    const char *nearest = NULL;
    size_t length = strlen(word);
    /* One slip in a short word, two from five letters on, three from ten. */
    size_t nearest_distance = 2 * (length < 5 ? 1 : length < 10 ? 2 : 3) + 1;
    for (size_t i = 0; words[i]; i++) {
        size_t distance = suggest_distance(word, words[i]);
        if (distance < nearest_distance && distance < 2 * length) {
            nearest = words[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
