#include <stdio.h>

int main(void)
{
    int n, i;
    double next, min, max;

    if (scanf("%d %lf", &n, &min) != 2)
        return 1;
    max = min;
    for (i = 1; i < n; i++) {
        if (scanf("%lf", &next) != 1)
            return 1;
        if (next < min)
            min = next;
        if (next > max)
            max = next;
    }
    printf("min: %f, max: %f\n", min, max);
    return 0;
}
