#include <stdio.h>
#include <string.h>

int main(void) {
    char line[1000];
    char longest[1000];
    int max = 0
    fgets(line, sizeof(line), stdin);
    char *token = strtok(line, " \n");
    while (token != NULL) {
        if ((int)strlen(token) > max) {
            max = strlen(token);
            strcpy(longest, token);
        }
        token = strtok(NULL, " \n");
    }
    printf("%s %d\n", longest, max);
    return 0;
}
