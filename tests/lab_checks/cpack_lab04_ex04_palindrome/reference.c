#include <stdio.h>
#include <string.h>

#define MAX 80

int main(void)
{
    char word[MAX];
    int left = 0, right;

    if (scanf("%79s", word) != 1)
        return 1;
    right = (int)strlen(word) - 1;
    while (left < right && word[left] == word[right]) {
        left++;
        right--;
    }
    puts(left < right ? "no" : "yes");
    return 0;
}
