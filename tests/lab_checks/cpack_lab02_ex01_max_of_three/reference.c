#include <stdio.h>

int main(void)
{
    int largest, next, i;

    if (scanf("%d", &largest) != 1)
        return 1;
    for (i = 0; i < 2; i++)
        if (scanf("%d", &next) == 1 && next > largest)
            largest = next;
    printf("%d\n", largest);
    return 0;
}
