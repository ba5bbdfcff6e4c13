#include <stdio.h>

#define VECMAX 100

int main(void)
{
    int values[VECMAX], n, i, height, highest = 0, last;

    if (scanf("%d", &n) != 1 || n >= VECMAX)
        return 1;
    for (i = 0; i < n; i++) {
        if (scanf("%d", &values[i]) != 1)
            return 1;
        if (values[i] > highest)
            highest = values[i];
    }
    for (height = highest; height > 0; height--) {
        last = n - 1;
        while (values[last] < height)
            last--;
        for (i = 0; i <= last; i++)
            putchar(values[i] >= height ? '*' : ' ');
        putchar('\n');
    }
    return 0;
}
