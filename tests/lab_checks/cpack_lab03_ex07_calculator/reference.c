#include <stdio.h>

int main(void)
{
    long result, next;
    char operator;

    if (scanf("%ld", &result) != 1)
        return 1;
    while (scanf(" %c %ld", &operator, &next) == 2)
        result += operator == '+' ? next : -next;
    printf("%ld\n", result);
    return 0;
}
