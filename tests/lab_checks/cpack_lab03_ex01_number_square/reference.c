#include <stdio.h>

void square(int N)
{
    int row, column;

    for (row = 1; row <= N; row++)
        for (column = 0; column < N; column++)
            printf("%d%c", row + column, column < N - 1 ? '\t' : '\n');
}

int main(void)
{
    int n;

    if (scanf("%d", &n) != 1)
        return 1;
    square(n);
    return 0;
}
