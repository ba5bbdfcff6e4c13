#include <stdio.h>
#include <string.h>

/* busca la palabra más larga de la línea */
int main(void) {
    char linea[1000];
    char mayor[1000] = "";
    char palabra[1000];
    int posicion = 0;

    fgets(linea, 1000, stdin);
    for (int i = 0; linea[i] != '\0'; i++) {
        if (linea[i] == ' ' || linea[i] == '\n') {
            palabra[posicion] = '\0';
            if (strlen(palabra) > strlen(mayor)) {
                strcpy(mayor, palabra);
            }
            posicion = 0;
        } else {
            palabra[posicion] = linea[i];
            posicion++;
        }
    }
    printf("%s %d\n", mayor, (int)strlen(mayor));
    return 0;
}
