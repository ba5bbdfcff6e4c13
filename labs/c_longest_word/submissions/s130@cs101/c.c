#include <stdio.h>
#include <string.h>
main() {
char l[80]; char *p; char *q;
int n=0;
gets(l);
p=strtok(l," ");
while(p) { if(strlen(p)>n) { n=strlen(p); q=p; } p=strtok(NULL," "); }
printf("%s %d\n",q,n);
}
