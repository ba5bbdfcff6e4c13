#include <stdio.h>
int main(){
  char s[300]; int i,n=0,m=0;
	fgets(s,300,stdin);
	for(i=0;s[i];i++){
  if(s[i]!=' '&&s[i]!='\n') n++;
	  else { if(n>m) m=n; n=0; }
	}
  printf("%d\n",m);
}
