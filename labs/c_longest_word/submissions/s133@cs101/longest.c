#include <stdio.h>
#include <string.h>
int main(void){
char str[256]; int len=0,max=0,end=0;
fgets(str,256,stdin);
for(int i=0;i<=(int)strlen(str);i++){
if(str[i]==' '||str[i]=='\n'||str[i]=='\0'){
if(len>max){max=len;end=i;}
len=0;
}
else len++;
}
if(max==0) printf("none\n");
else printf("%.*s %d\n",max,str+end-max,max);
return 0;
}
