#include <stdio.h>

#define COUNT 3

int main(void)
{
    int sorted[COUNT], i, place, next;

    for (i = 0; i < COUNT; i++) {
        if (scanf("%d", &next) != 1)
            return 1;
        for (place = i; place > 0 && sorted[place - 1] > next; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = next;
    }
    printf("%d %d %d\n", sorted[0], sorted[1], sorted[2]);
    return 0;
}
