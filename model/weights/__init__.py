"""Downloaded weights: which there are (`catalogue`), where they lie (`locate`), how a file is read (`files`)."""
