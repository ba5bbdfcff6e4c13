#include <stdio.h>
#include <string.h>

#define MAX 80

int main(void)
{
    char first[MAX], second[MAX];

    if (scanf("%79s %79s", first, second) != 2)
        return 1;
    puts(strcmp(first, second) >= 0 ? first : second);
    return 0;
}
