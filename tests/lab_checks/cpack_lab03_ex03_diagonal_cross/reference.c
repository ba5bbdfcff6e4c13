#include <stdio.h>

void cross(int N)
{
    int row, column;

    for (row = 0; row < N; row++)
        for (column = 0; column < N; column++) {
            putchar(column == row || column == N - 1 - row ? '*' : '-');
            putchar(column < N - 1 ? ' ' : '\n');
        }
}

int main(void)
{
    int n;

    if (scanf("%d", &n) != 1)
        return 1;
    cross(n);
    return 0;
}
