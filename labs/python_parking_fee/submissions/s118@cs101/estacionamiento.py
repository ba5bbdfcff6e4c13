# calcula el precio del estacionamiento
minutos = int(input())

if minutos < 0:
    print("error")
elif minutos <= 30:
    print(0)  # media hora gratis
else:
    dias = minutos // 1440
    resto = minutos % 1440
    horas = resto // 60
    if resto % 60 > 0:
        horas = horas + 1  # cada hora empezada se paga
    precio = horas * 2
    if precio > 18:
        precio = 18
    print(dias * 18 + precio)
